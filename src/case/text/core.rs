//! Core modules in their text format.
//! Knows nothing of what they are for.

/// The module that the text spells, as it is spelled by `print` again: what that loses, such as names that occur
/// twice, a case has none of. An error comes with its line, counted from 0.
pub fn parse(text: &str) -> Result<Vec<u8>, (usize, String)> {
    let module = encode(text)?;
    // Of one that cannot be printed, whoever checks it says what is wrong with it.
    if survives(&module) || wasmprinter::print_bytes(&module).is_err() {
        return Ok(module);
    }
    let settled = encode(&print(&module)).ok().filter(|settled| survives(settled));
    settled.ok_or((0, "what it spells cannot be written as text again".to_string()))
}

fn encode(text: &str) -> Result<Vec<u8>, (usize, String)> {
    let failed = |error: wast::Error| (error.span().linecol_in(text).0, error.message());
    let buffer = wast::parser::ParseBuffer::new(text).map_err(failed)?;
    let mut wat = wast::parser::parse::<wast::Wat>(&buffer).map_err(failed)?;
    wat.encode().map_err(failed)
}

/// Whether the text of a module is read as the same bytes again. Of custom sections only names that are well
/// formed survive, and numbers in their shortest form.
pub fn survives(module: &[u8]) -> bool {
    encode(&print(module)).is_ok_and(|again| again == module)
}

/// The text that `parse` reads as a module that does the same. Of one that is not valid, why there is none.
pub fn print(module: &[u8]) -> String {
    wasmprinter::print_bytes(module).unwrap_or_else(|error| format!(";; {error}"))
}
