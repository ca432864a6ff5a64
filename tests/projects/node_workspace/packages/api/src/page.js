import { crc32 } from "@node-rs/crc32";
import ui from "@price-list/ui";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";

const { PriceTable } = ui;
const currency = process.env.PRICE_CURRENCY ?? "EUR";

export function page(prices) {
  const table = renderToStaticMarkup(createElement(PriceTable, { prices, currency }));
  return `<!doctype html><title>Prices</title>${table}`;
}

/** Return the entity tag of a text. */
export function tag(text) {
  return `"${crc32(text).toString(16)}"`;
}
