// What of an open page cannot be read, as a list of sentences: text outside the page or cut, words broken, text over text, text too faint.
(() => {
  const width = document.documentElement.clientWidth, found = [], shown = [];
  const say = (what, node) => found.push(what + ": " + node.textContent.trim().slice(0, 60) + " <" +
    node.parentElement.tagName.toLowerCase() + " in " + (node.parentElement.closest("[id]") || document.body).id + ">");
  if (document.documentElement.scrollWidth > width) {
    found.push("the page is " + document.documentElement.scrollWidth + " wide");
  }
  const numbers = colour => colour.match(/[\d.]+/g).map(Number);
  const light = colour => {
    const [red, green, blue] = numbers(colour).map(one => one / 255).map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor, alpha = numbers(colour)[3];
      if (alpha === undefined || alpha === 1) { return colour; }
    }
    return "rgb(255, 255, 255)";
  };
  const scrolls = (one, style) => (["auto", "scroll"].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1) ||
    (["auto", "scroll"].includes(style.overflowY) && one.scrollHeight > one.clientHeight + 1);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode());) {
    const owner = node.parentElement, style = getComputedStyle(owner);
    if (!node.textContent.trim() || owner.closest("script, style, select, title, desc, noscript") ||
        !owner.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) { continue; }
    const range = document.createRange();
    range.selectNodeContents(node);
    // What is wholly beyond an edge is put away there, as a drawer is.
    const boxes = Array.from(range.getClientRects()).filter(box => box.width > 1 && box.height > 1 && box.right > 0);
    const matrix = owner instanceof SVGElement && owner.getScreenCTM();
    if (!(owner instanceof SVGElement) && new Set(boxes.map(box => Math.round(box.top))).size > 1) {
      for (const word of node.textContent.matchAll(/(?<=^|\s)[\w.,:;()'"]{2,24}(?=\s|$)/g)) {
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        if (range.getClientRects().length > 1) { say("broken: " + word[0], node); }
      }
    }
    let isScrolled = false;
    for (let one = owner; one && one !== document.body; one = one.parentElement) {
      const around = getComputedStyle(one), frame = one.getBoundingClientRect();
      const hides = one instanceof SVGElement ? one.tagName === "svg" && one.parentElement && !(one.parentElement instanceof SVGElement)
        : around.overflowX !== "visible" || around.overflowY !== "visible";
      isScrolled = isScrolled || scrolls(one, around);
      if (hides && !isScrolled && around.display !== "inline" &&
          boxes.some(box => box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)) {
        if (boxes.some(box => box.right > frame.left && box.left < frame.right && box.bottom > frame.top && box.top < frame.bottom)) { say("cut", node); }
        isScrolled = true;
        break;
      }
    }
    if (!isScrolled && boxes.some(box => box.left < -1 || box.right > width + 1)) { say("outside", node); }
    // Of a text that is turned the box says little.
    if (!isScrolled && !(matrix && Math.abs(matrix.b) > 0.01)) { boxes.forEach(box => shown.push({box, node})); }
    if (!(owner instanceof SVGElement)) {
      const [one, other] = [light(style.color), light(ground(owner))].sort((a, b) => b - a);
      const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
      if ((one + 0.05) / (other + 0.05) < least) { say("faint, " + ((one + 0.05) / (other + 0.05)).toFixed(1), node); }
    }
  }
  shown.sort((a, b) => a.box.top - b.box.top);
  shown.forEach((one, place) => {
    for (let next = place + 1; next < shown.length && shown[next].box.top < one.box.bottom - 4; next += 1) {
      const other = shown[next];
      if (other.node !== one.node && Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left) > 2 &&
          Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top) > 5) {
        say("over " + other.node.textContent.trim().slice(0, 30), one.node);
      }
    }
  });
  return found;
})()
