//! Codes of orders: three letters, a dash, digits.

use memchr::memchr;

/// Tell whether a text is an order's code.
pub fn is_code(text: &str) -> bool {
    match memchr(b'-', text.as_bytes()) {
        Some(3) => {
            let (letters, digits) = text.split_at(3);
            letters.bytes().all(|byte| byte.is_ascii_uppercase())
                && digits.len() > 1
                && digits[1..].bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_a_dash_and_digits() {
        assert!(is_code("ORD-17"));
        assert!(!is_code("ORD17"));
    }
}
