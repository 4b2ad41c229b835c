//! Lexing, case by case.
