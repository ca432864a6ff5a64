// The token lives in memory alone: closing the page logs out, and no script of another page finds it.
let token = null;

const element = (id) => document.getElementById(id);
const money = new Intl.NumberFormat(undefined, { style: "currency", currency: "EUR" });

async function call(path, options = {}) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error} (${answer.trace_id})`);
  return answer;
}

function say(text) {
  element("message").textContent = text;
}

function row(product) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  const price = document.createElement("span");
  const buy = document.createElement("button");
  name.textContent = `${product.name} (${product.stock} left)`;
  price.textContent = money.format(product.price_cents / 100);
  buy.textContent = "Buy";
  buy.disabled = !token || product.stock === 0;
  buy.addEventListener("click", () => order(product));
  item.append(name, price, buy);
  return item;
}

async function showProducts() {
  const products = await call("/api/products");
  element("products").replaceChildren(...products.map(row));
}

async function order(product) {
  try {
    const body = JSON.stringify({ product_id: product.id, quantity: 1 });
    const sale = await call("/api/orders", { method: "POST", body });
    say(`Order ${sale.id}: ${product.name}, ${money.format(sale.total_cents / 100)}`);
    await showProducts();
  } catch (error) {
    say(error.message);
  }
}

element("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const body = JSON.stringify(Object.fromEntries(new FormData(event.target)));
    token = (await call("/api/login", { method: "POST", body })).access_token;
    const account = await call("/api/me");
    element("who").textContent = account.email;
    event.target.reset();
    say("");
    await showProducts();
  } catch (error) {
    say(error.message);
  }
});

showProducts().catch((error) => say(error.message));
