<?php
// SPDX-License-Identifier: Apache-2.0

$name = $_GET['name'] ?? 'world';
echo "Hello, $name!\n";
