//! Carafe's backend for smol: its executor and reactor, on threads of its own.
