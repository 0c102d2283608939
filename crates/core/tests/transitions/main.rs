//! Why records move, stay and leave: scenarios whose figures are worked out by hand.

#![allow(
    clippy::disallowed_methods,
    reason = "what is expected is worked out with other maths than the engine's"
)]

mod earning;
mod figures;
mod limits;
mod moves;
mod scene;
mod settings;
#[path = "../support/mod.rs"]
mod support;
