//! Core modules in their text format.
//! Knows nothing of what they are for.

/// The module that the text spells. An error comes with its line, counted from 0.
pub fn parse(text: &str) -> Result<Vec<u8>, (usize, String)> {
    let failed = |error: wast::Error| (error.span().linecol_in(text).0, error.message());
    let buffer = wast::parser::ParseBuffer::new(text).map_err(failed)?;
    let mut wat = wast::parser::parse::<wast::Wat>(&buffer).map_err(failed)?;
    wat.encode().map_err(failed)
}

/// The text that `parse` reads as a module that does the same. Of one that is not valid, why there is none.
pub fn print(module: &[u8]) -> String {
    wasmprinter::print_bytes(module).unwrap_or_else(|error| format!(";; {error}"))
}
