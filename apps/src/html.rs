//! Pages that need nothing else: no scripts, no fonts, no pictures from elsewhere.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

const STYLE: &str = "body{font:15px sans-serif;max-width:980px;margin:2em auto;color:#222}\
    table{border-collapse:collapse}td,th{padding:.15em .8em;text-align:right;border-bottom:1px solid #ddd}\
    td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}\
    .ok{color:#060}.failed{color:#a00}";

/// A file that will have a page.
pub(crate) struct PageFile(File);

impl PageFile {
    /// Makes the file, so that one that cannot be made is known before anything runs; if not, why.
    pub(crate) fn create(path: &Path) -> Result<Self, String> {
        let file = File::create(path);
        file.map(Self).map_err(|e| format!("cannot write {}: {e}", path.display()))
    }

    /// Writes a page with `body` below its title.
    pub(crate) fn write(mut self, title: &str, body: &str) -> io::Result<()> {
        let title = escaped(title);
        write!(
            self.0,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n{body}\n</body></html>\n"
        )
    }
}

/// Lines of text, as a paragraph.
pub(crate) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escaped(text.trim()).replace('\n', "<br>\n"))
}

/// A table with a row of headings.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let row = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let head = row("th", &mut headings.iter().copied());
    let rows = rows.into_iter().map(|cells| row("td", &mut cells.iter().map(String::as_str)));
    format!("<table>{head}{}</table>\n", rows.collect::<String>())
}

/// Text that HTML takes for nothing else.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("a<b & \"c\">"), "a&lt;b &amp; &quot;c&quot;&gt;");
        assert_eq!(paragraph("a < b\nc\n"), "<p>a &lt; b<br>\nc</p>\n");
        let rows = [vec!["1 & 2".to_owned(), "3".to_owned()]];
        let expected = "<table><tr><th>x</th><th>y</th></tr>\n<tr><td>1 &amp; 2</td><td>3</td></tr>\n</table>\n";
        assert_eq!(table(&["x", "y"], rows), expected);
    }
}
