<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace App;

/** What the application answers. */
final class Routes
{
    public function answer(string $method, string $path): void
    {
        match ("$method $path") {
            'GET /' => print "A page, for {$_SERVER['HTTP_HOST']}\n",
            'POST /form' => $this->json(['first' => $_POST['first'] ?? null, 'all' => $_GET['all'] ?? null]),
            'POST /upload' => $this->json([
                'name' => $_FILES['paper']['name'], 'words' => str_word_count(file_get_contents($_FILES['paper']['tmp_name'])),
            ]),
            'POST /echo' => print file_get_contents('php://input'),
            'GET /old' => header('Location: /new', true, 301),
            default => $this->nothing($path),
        };
    }

    private function json(mixed $value): void
    {
        header('Content-Type: application/json');
        echo json_encode($value);
    }

    private function nothing(string $path): void
    {
        http_response_code(404);
        echo "There is no $path\n";
    }
}
