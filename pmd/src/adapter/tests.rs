//! Bring-up against a scripted firmware: what is asked, in which order, and what each refusal leads to.
