//! The SGE's rings as the host drives them. They know memory and indices; what a work request means is
//! its builder's business, what a message means its receiver's.

mod doorbell;
mod eq;
mod fl;
mod ingress;
mod iq;

pub use doorbell::SharedBar;
pub use eq::{Eq, EqCounters, Slot};
pub use fl::{FlCounters, Payload};
pub use ingress::{Ingress, IngressCounters, IngressQueue, RxMeta};

pub(crate) use doorbell::{Doorbell, Gts};
pub(crate) use eq::EqRing;
pub(crate) use fl::{FlShape, Freelist};
pub(crate) use iq::{ENTRY, Iq, IqRing};
