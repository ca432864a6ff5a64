//! What each path is answered with.

use order_codes::is_code;

/// Return the whole response for a path.
pub fn answer(path: &str, shop: &str) -> String {
    match path.strip_prefix("/orders/") {
        Some(code) if is_code(code) => response(200, &format!("{{\"code\":\"{code}\"}}")),
        Some(_) => response(404, "{\"error\":\"no such order\"}"),
        None if path == "/health" => response(200, &format!("{{\"status\":\"ok\",\"shop\":\"{shop}\"}}")),
        None => response(404, "{\"error\":\"no such path\"}"),
    }
}

fn response(status: u16, body: &str) -> String {
    let mut number = itoa::Buffer::new();
    let length = number.format(body.len()).to_owned();
    format!(
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_an_order() {
        let code = format!("ORD-{}", fastrand::u32(..));
        assert!(answer(&format!("/orders/{code}"), "corner").starts_with("HTTP/1.1 200"));
    }
}
