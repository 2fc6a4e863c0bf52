<?php
// SPDX-License-Identifier: Apache-2.0

use GuzzleHttp\Psr7\Response;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;

function greet(ServerRequestInterface $request): ResponseInterface
{
    $name = $request->getParsedBody()['name'] ?? $request->getQueryParams()['name'] ?? null;
    if ($name === null) {
        return new Response(400, ['Content-Type' => 'text/plain'], "who?\n");
    }
    echo "greeting $name\n"; // a line of the log

    return new Response(200, ['Content-Type' => 'application/json'], json_encode(
        ['greeting' => "Hello, $name!", 'method' => $request->getMethod()]
    ));
}
