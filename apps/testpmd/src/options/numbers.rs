//! Lists and masks of small numbers, as both the command line and the prompt take them.

/// Numbers that one flag has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List(pub(crate) Vec<usize>);

impl List {
    /// Cores of `-l`.
    pub(super) fn cores(text: &str) -> Result<Self, String> {
        parse_list(text).map(Self)
    }

    /// Ports of a mask.
    pub(super) fn mask(text: &str) -> Result<Self, String> {
        parse_mask(text).map(Self)
    }
}

/// Greatest number of a core or a port.
const NUMBER_MAX: usize = 1023;

/// A number from `min` to `max`.
pub(crate) fn parse_number(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("'{text}' is not a number from {min} to {max}"))
}

/// What reads the value of a flag that is one.
pub(super) fn within<T: TryFrom<u64>>(
    min: u64,
    max: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = parse_number(text, min, max)?;
        number.try_into().map_err(|_| format!("{number} is more than this flag holds"))
    }
}

/// Numbers and ranges with commas between them: `0,2-4`. At most 1024 of them, each once.
pub(crate) fn parse_list(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("'{text}' is no list of numbers such as 0,2-4");
    let mut list = Vec::new();
    for piece in text.split(',') {
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        let (first, last): (usize, usize) =
            (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
        if first > last {
            return Err(format!("{piece} runs backwards: {last}-{first} has the same numbers"));
        }
        if last > NUMBER_MAX {
            return Err(format!(
                "there is no number {last}: the last that there can be is {NUMBER_MAX}"
            ));
        }
        for number in first..=last {
            if list.contains(&number) {
                return Err(format!("{number} is twice in '{text}'"));
            }
            list.push(number);
        }
    }
    Ok(list)
}

/// The numbers of the bits of a hexadecimal mask: `0x5` is 0 and 2.
fn parse_mask(text: &str) -> Result<Vec<usize>, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    match u64::from_str_radix(digits, 16) {
        Ok(0) => Err("a mask of no bits leaves nothing".to_owned()),
        Ok(mask) => Ok((0..64).filter(|bit| mask >> bit & 1 == 1).collect()),
        Err(_) => Err(format!("'{text}' is no hexadecimal mask of up to 64 bits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_ranges_and_no_number_twice() {
        assert_eq!(parse_list("3"), Ok(vec![3]));
        assert_eq!(parse_list("1,0,4-6"), Ok(vec![1, 0, 4, 5, 6]));
        for wrong in ["", "1,", "a", "2-1", "-1", "1-", "0-5000"] {
            assert!(parse_list(wrong).is_err(), "{wrong}");
        }
        for (text, told) in [
            ("0-2,1", "1 is twice in '0-2,1'"),
            ("0,4000", "there is no number 4000: the last that there can be is 1023"),
            ("4,2-1", "2-1 runs backwards: 1-2 has the same numbers"),
        ] {
            assert_eq!(parse_list(text), Err(told.to_owned()));
        }
    }

    #[test]
    fn masks_are_hexadecimal() {
        assert_eq!(parse_mask("0x5"), Ok(vec![0, 2]));
        assert_eq!(parse_mask("10"), Ok(vec![4]));
        for wrong in ["0", "", "0x", "xyz", "1ffffffffffffffff"] {
            assert!(parse_mask(wrong).is_err(), "{wrong}");
        }
    }
}
