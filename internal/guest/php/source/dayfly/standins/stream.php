<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest\Psr7;

use Psr\Http\Message\StreamInterface;

/** A body, over a stream of PHP's. */
final class Stream implements StreamInterface
{
    /** @var resource|null */
    private $handle;

    /** @param resource $handle */
    private function __construct($handle)
    {
        $this->handle = $handle;
    }

    /** Makes a stream of text, of a resource, or of nothing. */
    public static function of(mixed $body): StreamInterface
    {
        if ($body instanceof StreamInterface) {
            return $body;
        }
        if (is_resource($body)) {
            return new self($body);
        }
        $handle = fopen('php://temp', 'r+');
        fwrite($handle, (string) $body);
        rewind($handle);
        return new self($handle);
    }

    public function __toString(): string
    {
        if ($this->isSeekable()) {
            $this->rewind();
        }
        return $this->getContents();
    }

    public function close(): void
    {
        if ($this->handle !== null) {
            fclose($this->handle);
            $this->handle = null;
        }
    }

    public function detach()
    {
        $handle = $this->handle;
        $this->handle = null;
        return $handle;
    }

    public function getSize(): ?int
    {
        return $this->handle === null ? null : fstat($this->handle)['size'] ?? null;
    }

    public function tell(): int
    {
        return (int) ftell($this->open());
    }

    public function eof(): bool
    {
        return $this->handle === null || feof($this->handle);
    }

    public function isSeekable(): bool
    {
        return (bool) $this->getMetadata('seekable');
    }

    public function seek($offset, $whence = SEEK_SET): void
    {
        if (fseek($this->open(), $offset, $whence) === -1) {
            throw new \RuntimeException('the stream cannot be sought');
        }
    }

    public function rewind(): void
    {
        $this->seek(0);
    }

    public function isWritable(): bool
    {
        return (bool) preg_match('/[waxc+]/', (string) $this->getMetadata('mode'));
    }

    public function write($string): int
    {
        return (int) fwrite($this->open(), $string);
    }

    public function isReadable(): bool
    {
        return (bool) preg_match('/[r+]/', (string) $this->getMetadata('mode'));
    }

    public function read($length): string
    {
        return (string) fread($this->open(), $length);
    }

    public function getContents(): string
    {
        return (string) stream_get_contents($this->open());
    }

    public function getMetadata($key = null): mixed
    {
        $all = $this->handle === null ? [] : stream_get_meta_data($this->handle);
        return $key === null ? $all : $all[$key] ?? null;
    }

    /** @return resource */
    private function open()
    {
        return $this->handle ?? throw new \RuntimeException('the stream is detached');
    }
}
