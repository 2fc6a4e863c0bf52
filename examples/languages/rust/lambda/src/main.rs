// SPDX-License-Identifier: Apache-2.0

use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let path = &event.payload["rawPath"];
    if path == "/fail" {
        return Err("asked to fail".into());
    }
    Ok(json!({"hello": event.payload["queryStringParameters"]["name"], "path": path}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
