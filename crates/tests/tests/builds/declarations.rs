//! What must not compile, and what the compiler then says: the messages are read by whoever made the mistake.

#[test]
fn a_wrong_declaration_does_not_compile_and_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
