<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/**
 * The socket to the host: whole frames in, whole frames out (docs/formats/frames.md).
 * When the host is gone there is nobody to serve nor to tell: the process ends.
 */
final class Wire
{
    public const HELLO = 1;
    public const SPECIALISE = 2;
    public const READY = 3;
    public const REQUEST = 4;
    public const BODY = 5;
    public const END = 6;
    public const RESPONSE = 7;
    public const LOG = 8;
    public const ERROR = 9;
    public const CANCEL = 10;
    public const WINDOW = 11;

    public const FRAME_MAX = 1 << 20; // payload of any frame, by the protocol
    public const BODY_MAX = 65536; // payload of a body frame, by the protocol
    public const LOG_MAX = 16384; // text of a log frame, by the protocol
    public const ALLOWANCE = 262144; // body bytes a side may send unasked, by the protocol
    public const GRANT_STEP = self::ALLOWANCE >> 1; // what is consumed is granted again so

    private const CONTROL = 3; // the socket's descriptor, by the protocol
    private const SECONDS = 86400; // of one wait; after it the wait begins anew

    /** @var resource */
    private $stream;
    private string $buffer = '';
    /** @var list<array{int, int, string}> frames of calls that wait for their turn */
    private array $kept = [];
    public bool $gone = false;

    public function __construct()
    {
        $this->stream = fopen('php://fd/' . self::CONTROL, 'r+');
        stream_set_timeout($this->stream, self::SECONDS);
        stream_set_chunk_size($this->stream, 65536);
    }

    public static function pack(int $kind, int $stream, string $payload = ''): string
    {
        return pack('NN', strlen($payload) << 8 | $kind, $stream) . $payload;
    }

    /** Sends bytes that hold whole frames. */
    public function send(string $data): void
    {
        while ($data !== '' && !$this->gone) {
            $sent = @fwrite($this->stream, $data);
            if ($sent === false || $sent === 0) {
                $this->leave();
            }
            $data = substr($data, $sent);
        }
    }

    public function frame(int $kind, int $stream, string $payload = ''): void
    {
        $this->send(self::pack($kind, $stream, $payload));
    }

    /**
     * Gives the next frame as [type, stream, payload], waiting for it. Where a function is
     * to get several calls at once, those of other streams wait for their turn.
     *
     * @return array{int, int, string}
     */
    public function receive(?int $stream = null): array
    {
        $frame = $this->kept($stream);
        while ($frame === null) {
            $frame = $this->take();
            if ($frame === null) {
                $this->fill();
            } elseif ($stream !== null && $frame[1] !== $stream) {
                $this->kept[] = $frame;
                $frame = null;
            }
        }
        return $frame;
    }

    /** @return array{int, int, string}|null the stream's next frame that is here already */
    public function receiveNow(int $stream): ?array
    {
        $frame = $this->kept($stream);
        while ($frame === null) {
            $frame = $this->take();
            if ($frame !== null && $frame[1] !== $stream) {
                $this->kept[] = $frame;
                $frame = null;
            } elseif ($frame === null && !$this->isReadable()) {
                return null;
            } elseif ($frame === null) {
                $this->fill();
            }
        }
        return $frame;
    }

    /** @return array{int, int, string}|null */
    private function kept(?int $stream): ?array
    {
        foreach ($this->kept as $at => $frame) {
            if ($stream === null || $frame[1] === $stream) {
                array_splice($this->kept, $at, 1);
                return $frame;
            }
        }
        return null;
    }

    /** @return array{int, int, string}|null */
    private function take(): ?array
    {
        if (strlen($this->buffer) < 8) {
            return null;
        }
        [, $word, $stream] = unpack('N2', $this->buffer);
        $size = $word >> 8;
        if ($size > self::FRAME_MAX) {
            $this->leave();
        }
        if (strlen($this->buffer) < $size + 8) {
            return null;
        }
        $payload = substr($this->buffer, 8, $size);
        $this->buffer = substr($this->buffer, $size + 8);
        return [$word & 255, $stream, $payload];
    }

    private function isReadable(): bool
    {
        $read = [$this->stream];
        $none = [];
        return @stream_select($read, $none, $none, 0) > 0;
    }

    private function fill(): void
    {
        $data = @fread($this->stream, 65536);
        if ($data === false || $data === '' && feof($this->stream)) {
            $this->leave();
        }
        $this->buffer .= $data;
    }

    private function leave(): void
    {
        $this->gone = true;
        exit(0);
    }
}
