//! Formats and connectors: files, topics, datagen, nexmark, print and blackhole.
