// SPDX-License-Identifier: Apache-2.0

// Imported by warm.cjs, so that Node's loader of ES modules is warm.
export default { fetch: () => new Response('ok') };
