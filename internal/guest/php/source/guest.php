<?php
// SPDX-License-Identifier: Apache-2.0

// Entry of the PHP guest: php guest.php, the host on descriptor 3.

declare(strict_types=1);

foreach (['Fault', 'Wire', 'Call', 'Output', 'Failure', 'Load', 'Guest', 'Form', 'Request', 'Framework',
    'CloudEvents', 'OpenFaaS', 'OpenWhisk', 'Lambda'] as $part) {
    require __DIR__ . "/dayfly/$part.php";
}
unset($part);

(new DayflyGuest\Guest())->main();
