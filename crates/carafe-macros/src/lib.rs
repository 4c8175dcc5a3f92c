//! Carafe's attributes: main and test.
