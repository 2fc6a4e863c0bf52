// SPDX-License-Identifier: Apache-2.0

use std::io::{self, Read};

fn main() -> io::Result<()> {
    let mut name = String::new();
    io::stdin().read_to_string(&mut name)?;
    match name.trim() {
        "" => println!("hello from Rust"),
        name => println!("hello {name}"),
    }
    Ok(())
}
