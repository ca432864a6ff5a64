//! Answers `GET /health` and `GET /orders/<code>` on the port of the variable PORT.

mod answers;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let shop = env::var("SHOP_NAME").expect("SHOP_NAME is not set");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    for stream in listener.incoming() {
        serve(stream?, &shop)?;
    }
    Ok(())
}

fn serve(mut stream: TcpStream, shop: &str) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).unwrap_or("/");
    stream.write_all(answers::answer(path, shop).as_bytes())
}
