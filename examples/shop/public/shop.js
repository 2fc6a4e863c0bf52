// SPDX-License-Identifier: Apache-2.0

// The shop's page. It checks nothing itself: what an order must look like stands in api.yaml,
// the gateway holds orders to it, and its faults are shown beside the fields that they name.
const $ = (selector) => document.querySelector(selector);
const euro = (cents) => new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' }).format(cents / 100);
const basket = new Map(); // identity of a product → how many, as it was typed
let products = [];

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// shelf

async function list(kind) {
  const answer = await fetch('/api/products' + (kind ? '?kind=' + kind : ''));
  if (!answer.ok) throw new Error('the shelf cannot be reached just now');
  return answer.json();
}

function picture({ shape, glaze, ground }) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 200 160');
  svg.setAttribute('aria-hidden', 'true');
  svg.style.setProperty('--glaze', glaze);
  svg.style.setProperty('--ground', ground);
  const use = document.createElementNS(svg.namespaceURI, 'use');
  use.setAttribute('href', '#' + shape);
  svg.append(use);
  return svg;
}

function card(product) {
  const add = make('button', { type: 'button', className: 'add', textContent: 'Add', ariaLabel: `Add ${product.name}` });
  add.dataset.product = product.id;
  add.addEventListener('click', () => {
    basket.set(product.id, Number(basket.get(product.id) ?? 0) + 1);
    fill();
  });
  return make('li', { className: 'product' }, picture(product.art), make('div', {},
    make('h3', { textContent: product.name }), make('p', { textContent: product.about }),
    make('footer', {}, make('span', { className: 'price', textContent: euro(product.price) }), add)));
}

async function show(kind) {
  const shelf = $('#products');
  shelf.ariaBusy = 'true';
  try {
    const listed = await list(kind);
    if (!kind) products = listed;
    shelf.replaceChildren(...listed.map(card));
  } catch (fault) {
    shelf.replaceChildren(make('li', { className: 'fault', textContent: fault.message }));
  }
  shelf.ariaBusy = 'false';
}

for (const button of document.querySelectorAll('.filters button')) {
  button.addEventListener('click', () => {
    for (const other of document.querySelectorAll('.filters button')) other.ariaPressed = String(other === button);
    show(button.dataset.kind);
  });
}

// basket

function line([id, quantity], i) {
  const product = products.find((one) => one.id === id);
  const count = make('input', { value: quantity, inputMode: 'numeric', ariaLabel: `How many of ${product.name}` });
  count.dataset.field = `/items/${i}/quantity`;
  count.addEventListener('input', () => { basket.set(id, count.value); sum(); });
  const drop = make('button', { type: 'button', className: 'drop', textContent: '×', ariaLabel: `Take ${product.name} out` });
  drop.addEventListener('click', () => { basket.delete(id); fill(); });
  const fault = make('p', { className: 'fault', hidden: true });
  fault.dataset.fault = `/items/${i}`;
  return make('li', {}, make('span', { textContent: product.name }), count,
    make('span', { className: 'price', textContent: euro(product.price) }), drop, fault);
}

function fill() {
  $('#lines').replaceChildren(...[...basket].map(line));
  $('#empty').hidden = basket.size > 0;
  $('[data-fault="/items"]').hidden = true;
  sum();
}

function sum() {
  let count = 0;
  let total = 0;
  for (const [id, quantity] of basket) {
    const many = Math.max(0, Number(quantity) || 0);
    count += many;
    total += many * products.find((one) => one.id === id).price;
  }
  $('#count').textContent = count;
  $('#total').textContent = euro(total);
  $('#bar').textContent = `Basket · ${euro(total)}`;
  $('#bar').hidden = count === 0;
  document.body.classList.toggle('shopping', count > 0);
}

new IntersectionObserver(([seen]) => { $('#bar').style.opacity = seen.isIntersecting ? 0 : 1; }).observe($('#order'));

// order

// A number is sent as one; what is no number goes as it was typed, and comes back as a fault.
const number = (typed) => String(typed).trim() !== '' && Number.isFinite(Number(typed)) ? Number(typed) : typed;

function order() {
  return {
    customer: { name: $('#name').value.trim(), email: $('#email').value.trim(), postcode: $('#postcode').value.trim() },
    items: [...basket].map(([product, quantity]) => ({ product, quantity: number(quantity) })),
  };
}

function clearFaults() {
  for (const fault of document.querySelectorAll('#order [data-fault]')) fault.hidden = true;
  for (const input of document.querySelectorAll('#order [aria-invalid]')) input.removeAttribute('aria-invalid');
}

// mark shows faults beside their fields, and gives those that no field is for.
function mark(faults) {
  const others = faults.filter(({ field, message }) => {
    const place = [...document.querySelectorAll('#order [data-fault]')]
      .filter((one) => field === one.dataset.fault || field.startsWith(one.dataset.fault + '/'))
      .sort((a, b) => b.dataset.fault.length - a.dataset.fault.length)[0];
    if (!place) return true;
    place.textContent = message;
    place.hidden = false;
    $(`[data-field="${CSS.escape(field)}"]`)?.setAttribute('aria-invalid', 'true');
    return false;
  });
  $('#order [aria-invalid]')?.focus();
  return others;
}

function notice(text, bad) {
  $('#notice').textContent = text;
  $('#notice').classList.toggle('bad', bad);
  $('#notice').hidden = false;
}

// meter shows what the RateLimit headers say of how many orders are left.
function meter(answer) {
  const left = /;r=(\d+)/.exec(answer.headers.get('RateLimit') ?? '')?.[1];
  const all = /;q=(\d+)/.exec(answer.headers.get('RateLimit-Policy') ?? '')?.[1];
  $('#meter').hidden = left === undefined || all === undefined;
  if ($('#meter').hidden) return;
  $('#dots').replaceChildren(...Array.from({ length: Number(all) }, (_, i) => make('i', { className: i < left ? '' : 'used' })));
  $('#left').textContent = `${left} of ${all} orders left for now`;
}

async function pause(seconds) {
  for (let rest = seconds; rest > 0; rest--) {
    $('#buy').textContent = `Again in ${rest} s`;
    await new Promise((done) => setTimeout(done, 1000));
  }
}

async function place() {
  const token = $('#token').value.trim();
  const answer = await fetch('/api/orders', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(order()),
  });
  meter(answer);
  const said = await answer.json();
  if (answer.status === 201) {
    basket.clear();
    fill();
    return notice(`Thank you, ${said.customer}. Order ${said.id} over ${euro(said.total)} is in.`, false);
  }
  if (answer.status === 401) {
    $('#account').open = true;
    return notice('Please sign in first: we need to know who is buying.', true);
  }
  if (answer.status === 429) {
    notice('That was quick. Let the kettle boil and try again in a moment.', true);
    return pause(Number(answer.headers.get('Retry-After') ?? 5));
  }
  const others = mark(said.errors ?? []);
  if (!said.errors) return notice(said.detail, true);
  notice(['Please look at what is marked.', ...others.map((one) => `${one.field}: ${one.message}`)].join(' '), true);
}

$('#order').addEventListener('submit', async (event) => {
  event.preventDefault();
  clearFaults();
  $('#notice').hidden = true;
  $('#buy').disabled = true;
  try {
    await place();
  } catch {
    notice('The shop cannot be reached just now.', true);
  }
  $('#buy').textContent = 'Place the order';
  $('#buy').disabled = false;
});

// who is the subject of a token, for show: whether it is true is the gateway's matter.
function who(token) {
  try {
    const [, claims] = token.split('.');
    return JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).sub ?? 'somebody';
  } catch {
    return token ? 'somebody' : 'nobody';
  }
}

$('#token').value = sessionStorage.getItem('token') ?? '';
$('#token').addEventListener('input', signIn);
function signIn() {
  const token = $('#token').value.trim();
  sessionStorage.setItem('token', token);
  $('#who').textContent = who(token);
}
signIn();

// suppliers

$('#report').addEventListener('submit', async (event) => {
  event.preventDefault();
  $('#sales').hidden = $('#refusal').hidden = true;
  const answer = await fetch('/api/sales', { headers: { 'X-Api-Key': $('#key').value.trim() } });
  if (!answer.ok) {
    $('#refusal').textContent = answer.status < 500 ? 'That key opens nothing here.' : 'The books are closed just now.';
    $('#refusal').hidden = false;
    return;
  }
  const { sold } = await answer.json();
  const rows = Object.entries(sold).map(([id, count]) => make('tr', {},
    make('td', { textContent: products.find((one) => one.id === id)?.name ?? id }), make('td', { textContent: count })));
  $('#sales tbody').replaceChildren(...rows);
  $('#sales').hidden = false;
});

await show('');
