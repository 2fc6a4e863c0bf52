<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

require __DIR__ . '/../vendor/autoload.php';

session_start();
$_SESSION['calls'] = ($_SESSION['calls'] ?? 0) + 1;

(new App\Routes())->answer($_SERVER['REQUEST_METHOD'], parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
