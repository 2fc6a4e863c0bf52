<?php
// SPDX-License-Identifier: Apache-2.0

$words = array_count_values(str_word_count(strtolower(stream_get_contents(STDIN)), 1));
arsort($words);
foreach (array_slice($words, 0, 3) as $word => $count) {
    echo "$count $word\n";
}
