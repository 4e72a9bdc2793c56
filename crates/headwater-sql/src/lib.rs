//! The SQL dialect: statements, catalogue, planning onto flow, views and queries.
