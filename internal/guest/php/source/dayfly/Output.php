<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** Turns what is echoed into log frames, line by line, of the call that runs. */
final class Output
{
    public int $stream = 0;
    private string $rest = '';

    public function __construct(private Wire $wire)
    {
    }

    /** Takes all output from now on; each echo is handed on at once. */
    public function install(): void
    {
        ob_start(function (string $text): string {
            $this->write(1, $text);
            return '';
        }, 1);
    }

    /** Takes text printed on 1 or 2; sends the whole lines among it. */
    public function write(int $number, string $text): void
    {
        if ($number === 2) {
            $this->lines(2, explode("\n", rtrim($text, "\n")));
            return;
        }
        $lines = explode("\n", $this->rest . $text);
        $this->rest = array_pop($lines);
        if (strlen($this->rest) > Wire::LOG_MAX) {
            $lines[] = $this->rest;
            $this->rest = '';
        }
        $this->lines(1, $lines);
    }

    /** Ends what a call has begun to print. */
    public function flush(): void
    {
        if ($this->rest !== '') {
            $this->lines(1, [$this->rest]);
            $this->rest = '';
        }
    }

    /** @param string[] $lines */
    private function lines(int $number, array $lines): void
    {
        $frames = '';
        foreach ($lines as $line) {
            foreach (str_split(rtrim($line, "\r") ?: ' ', Wire::LOG_MAX) as $part) {
                $frames .= Wire::pack(Wire::LOG, $this->stream, chr($number) . $part);
            }
        }
        $this->wire->send($frames);
    }
}
