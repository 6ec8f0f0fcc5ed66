//! What goes over a stream between two nodes.
