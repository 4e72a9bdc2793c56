//! The library facade and the binary: assembly, configuration, command line and demo.
