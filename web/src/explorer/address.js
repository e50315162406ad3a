// The page's address after its #: what is looked at and what was changed, so that a link leads to the same view. Each part
// has its own key, and none touches the others'.

/** @returns {URLSearchParams} */
const parts = () => new URLSearchParams(location.hash.slice(1));

/** @param {string} key @returns {string | null} */
export const held = (key) => parts().get(key);

/** @param {string} key @param {string | null} value null: not there */
export function hold(key, value) {
  const found = parts();
  if (value === null) found.delete(key);
  else found.set(key, value);
  const text = String(found);
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}
