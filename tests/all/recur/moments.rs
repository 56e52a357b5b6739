//! Known answers, one rule at a time.
