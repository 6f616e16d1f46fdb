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

/// Numbers and ranges with commas between them: `0,2-4`. At most 1024 of them, each once.
pub(crate) fn parse_list(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("'{text}' is no list of numbers such as 0,2-4");
    let mut list = Vec::new();
    for piece in text.split(',') {
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        let (first, last): (usize, usize) =
            (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
        if first > last || last >= 1024 {
            return Err(wrong());
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
        assert_eq!(parse_list("0-2,1"), Err("1 is twice in '0-2,1'".to_owned()));
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
