// SPDX-License-Identifier: Apache-2.0

//! A CGI program in Rust, compiled to a WASI module.

use std::io::Read;

fn main() {
    let mut body = String::new();
    if std::io::stdin().read_to_string(&mut body).is_err() {
        println!("Status: 400 Bad Request\nContent-Type: text/plain\n\nthe body is no UTF-8");
        return;
    }
    let path = std::env::var("PATH_INFO").unwrap_or_default();
    println!("Content-Type: text/plain\n\n{} at {}", body.to_uppercase(), path);
}
