//! What does not compile, and what the compiler says to do about it.

#[test]
fn what_cannot_work_does_not_compile_and_the_message_names_the_cure() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
