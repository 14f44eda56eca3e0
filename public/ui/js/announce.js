// What happened, for people who do not see it: one polite live region for the whole page.

/** @param {string} text */
export function announce(text) {
  const region = document.getElementById("announcements");
  if (region === null) return;
  // Emptied first, so that the same text twice is two announcements.
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}
