//! What does the main job look like?
fn main() {}
