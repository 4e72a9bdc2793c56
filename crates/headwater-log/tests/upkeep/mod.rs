//! What makes a log shorter, on a disk that loses, tears and refuses: checkpoints, retention, trims, compaction, the key
//! index's flushes and merges, and the deletion of topics, in the midst of commits. Every run is repeatable by its seed.
//!
//! [`shelf`] is a partition as a plain list with the rules of what may go from it, [`asked`] what was asked for and what came
//! of it, [`world`] a log with all of this, which is played with at random ([`commits`], [`changes`], [`reads`]); after
//! a crash [`explain`] finds out what became of it. [`cuts`] cuts the power, at random and at
//! every place; [`faults`] are the other faults; [`threads`] is the same with everybody at once,
//! [`between`] two duties of which one is done in the midst of the other.

mod asked;
mod between;
mod changes;
mod commits;
mod cuts;
mod explain;
mod faults;
mod reads;
mod shelf;
mod threads;
mod world;
