//! What does not compile, and what the compiler says to do about it.

#[test]
fn names_cannot_be_served_from_proxmox_and_the_message_says_where_from() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
