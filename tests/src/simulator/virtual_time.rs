//! What does time do while nobody does anything?

/// A runtime whose time goes from one thing that happens to the next.
pub(super) fn virtual_time() -> Result<tokio::runtime::Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder.enable_time().start_paused(true).build();
    built.map_err(|error| format!("no runtime: {error}"))
}
