<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** A failure that the guest tells of by itself. */
final class Fault extends \RuntimeException
{
    public function __construct(public string $kind, public string $type, string $message)
    {
        parent::__construct($message);
    }
}

/** The caller is gone: stop producing the answer. */
final class Cancelled extends \RuntimeException
{
}
