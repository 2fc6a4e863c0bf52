<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** One invocation's stream: the body of the request in, the answer out. */
final class Call
{
    public bool $done = false;
    public bool $started = false;
    /** @var array<string, mixed>|null the error that the head of the answer carries */
    public ?array $failure = null;

    /** @var string[] */
    private array $pieces = [];
    private bool $ended = false;
    private bool $cancelled = false;
    private int $credit = Wire::ALLOWANCE;
    private int $consumed = 0;

    /** @param array<string, mixed> $head */
    public function __construct(
        private Wire $wire,
        private Output $output,
        public int $stream,
        public array $head
    ) {
    }

    public function id(): string
    {
        return $this->head['id'] ?? '';
    }

    /** Gives the whole body of the request. */
    public function body(): string
    {
        $whole = '';
        if (($this->head['length'] ?? -1) === 0) {
            return $whole;
        }
        while (($piece = $this->read()) !== null) {
            $whole .= $piece;
        }
        return $whole;
    }

    /** Gives the next piece of the body, null at its end. */
    public function read(): ?string
    {
        while ($this->pieces === [] && !$this->ended) {
            $this->feed($this->wire->receive($this->stream));
        }
        if ($this->cancelled) {
            throw new Cancelled('the caller is gone');
        }
        $piece = array_shift($this->pieces);
        $this->consumed += strlen($piece ?? '');
        if ($this->consumed >= Wire::GRANT_STEP && !$this->ended) {
            $this->wire->frame(Wire::WINDOW, $this->stream, pack('N', $this->consumed));
            $this->consumed = 0;
        }
        return $piece;
    }

    /**
     * Sends a complete answer.
     *
     * @param list<array{string, string}> $headers
     */
    public function answer(int $status, array $headers, string $body): void
    {
        $this->start($status, $headers);
        $this->write($body);
        $this->finish();
    }

    /** @param list<array{string, string}> $headers */
    public function start(int $status, array $headers): void
    {
        $head = ['status' => $status, 'headers' => $headers];
        if ($this->failure !== null) {
            $head['failure'] = $this->failure;
        }
        $text = Failure::json($head);
        if (strlen($text) > Wire::FRAME_MAX) {
            throw new Fault('bad_response', 'Function.BadResponse', 'the answer\'s headers do not fit a frame');
        }
        $this->started = true;
        $this->wire->frame(Wire::RESPONSE, $this->stream, $text);
    }

    /** Sends bytes of the body, waiting for the window. */
    public function write(string $data): void
    {
        for ($at = 0; $at < strlen($data);) {
            while (($frame = $this->wire->receiveNow($this->stream)) !== null) {
                $this->feed($frame);
            }
            while ($this->credit <= 0 && !$this->cancelled) {
                $this->feed($this->wire->receive($this->stream));
            }
            if ($this->cancelled || $this->done) {
                throw new Cancelled('the caller is gone');
            }
            $part = substr($data, $at, min(Wire::BODY_MAX, $this->credit));
            $this->credit -= strlen($part);
            $at += strlen($part);
            $this->wire->frame(Wire::BODY, $this->stream, $part);
        }
    }

    public function finish(): void
    {
        if (!$this->done) {
            $this->output->flush(); // what is printed comes before the answer's end
            $this->done = true;
            $this->wire->frame(Wire::END, $this->stream);
        }
    }

    /** @param array<string, mixed> $error */
    public function fail(array $error): void
    {
        if (!$this->done) {
            $this->output->flush();
            $this->done = true;
            $this->wire->frame(Wire::ERROR, $this->stream, Failure::json($error));
        }
    }

    /** @param array{int, int, string} $frame */
    private function feed(array $frame): void
    {
        [$kind, , $payload] = $frame;
        if ($kind === Wire::BODY && $payload !== '') {
            $this->pieces[] = $payload;
        } elseif ($kind === Wire::END) {
            $this->ended = true;
        } elseif ($kind === Wire::WINDOW && strlen($payload) === 4) {
            $this->credit += unpack('N', $payload)[1];
        } elseif ($kind === Wire::CANCEL) {
            $this->cancelled = $this->ended = true;
        }
    }
}
