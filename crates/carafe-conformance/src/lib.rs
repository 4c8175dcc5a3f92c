//! The suite that certifies a backend of Carafe.
