/* feederplan: canvas-tile layers, legend and view memory for Leaflet 1.9.
 *
 * Belongs here: decoding, drawing, redrawing in place. Not here: any attribute of an asset,
 * any address, any calculation. Every text arrives escaped (gis/webmap/escape.py).
 */
(function () {
  "use strict";

  var PANE = "feederplan";
  var QUANTUM_DEGREE = 1e-6;
  var SIZE_QUANTUM_PX = 0.25;
  var NO_DATA = -1;
  // Long paths are slow to stroke and dashes are slower: both are bounded per tile.
  var LINES_PER_STROKE = 400;
  var MAX_DASHED_LINES = 3000;
  var MIN_STEP_PX = 0.7;

  var layers = {};
  var current = null; // the map of this frame; one frame holds one map

  /* ---- decoding ------------------------------------------------------------------------- */

  function bytesOf(text) {
    var raw = atob(text);
    var bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
  }

  function varintsOf(text) {
    var bytes = bytesOf(text);
    var values = new Float64Array(bytes.length);
    var count = 0, value = 0, factor = 1;
    for (var i = 0; i < bytes.length; i++) {
      value += (bytes[i] & 0x7f) * factor; // not a shift: five groups exceed 32 bits
      factor *= 128;
      if (bytes[i] < 0x80) {
        values[count++] = value;
        value = 0;
        factor = 1;
      }
    }
    return values.subarray(0, count);
  }

  function unzigzag(value) {
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /* Web Mercator in units of the world, so that one projection serves every zoom. */
  function project(deltas) {
    var xy = new Float64Array(deltas.length);
    var lon = 0, lat = 0;
    for (var i = 0; i < deltas.length; i += 2) {
      lon += unzigzag(deltas[i]);
      lat += unzigzag(deltas[i + 1]);
      var bounded = Math.max(-85.05, Math.min(85.05, lat * QUANTUM_DEGREE));
      var radians = bounded * Math.PI / 180;
      xy[i] = (lon * QUANTUM_DEGREE + 180) / 360;
      xy[i + 1] = 0.5 - Math.log(Math.tan(Math.PI / 4 + radians / 2)) / (2 * Math.PI);
    }
    return xy;
  }

  function startsOf(counts) {
    var starts = new Uint32Array(counts.length + 1);
    for (var i = 0; i < counts.length; i++) starts[i + 1] = starts[i] + counts[i];
    return starts;
  }

  /* ---- which parts lie in a tile -------------------------------------------------------- */

  function boxesOf(xy, starts) {
    var n = starts.length - 1;
    var boxes = new Float64Array(4 * n);
    for (var p = 0; p < n; p++) {
      var w = Infinity, s = Infinity, e = -Infinity, t = -Infinity;
      for (var v = starts[p]; v < starts[p + 1]; v++) {
        w = Math.min(w, xy[2 * v]); e = Math.max(e, xy[2 * v]);
        s = Math.min(s, xy[2 * v + 1]); t = Math.max(t, xy[2 * v + 1]);
      }
      boxes.set([w, s, e, t], 4 * p);
    }
    return boxes;
  }

  function Grid(boxes) {
    var n = boxes.length / 4;
    var w = Infinity, s = Infinity, e = -Infinity, t = -Infinity;
    for (var p = 0; p < n; p++) {
      w = Math.min(w, boxes[4 * p]); s = Math.min(s, boxes[4 * p + 1]);
      e = Math.max(e, boxes[4 * p + 2]); t = Math.max(t, boxes[4 * p + 3]);
    }
    this.boxes = boxes;
    this.west = w;
    this.south = s;
    this.side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(n / 4))));
    this.dx = (e - w) / this.side || 1;
    this.dy = (t - s) / this.side || 1;
    this.cells = new Map();
    this.seen = new Uint32Array(n);
    this.turn = 0;
    for (p = 0; p < n; p++) this._insert(p);
  }

  Grid.prototype._range = function (value, origin, step) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((value - origin) / step)));
  };

  Grid.prototype._eachCell = function (w, s, e, t, visit) {
    var x1 = this._range(e, this.west, this.dx), y1 = this._range(t, this.south, this.dy);
    for (var x = this._range(w, this.west, this.dx); x <= x1; x++) {
      for (var y = this._range(s, this.south, this.dy); y <= y1; y++) visit(x * this.side + y);
    }
  };

  Grid.prototype._insert = function (p) {
    var b = this.boxes, cells = this.cells;
    this._eachCell(b[4 * p], b[4 * p + 1], b[4 * p + 2], b[4 * p + 3], function (cell) {
      var inside = cells.get(cell);
      if (inside) inside.push(p); else cells.set(cell, [p]);
    });
  };

  Grid.prototype.find = function (w, s, e, t) {
    var found = [], b = this.boxes, seen = this.seen, cells = this.cells, turn = ++this.turn;
    this._eachCell(w, s, e, t, function (cell) {
      var inside = cells.get(cell) || [];
      for (var i = 0; i < inside.length; i++) {
        var p = inside[i];
        if (seen[p] === turn) continue;
        seen[p] = turn;
        if (b[4 * p] <= e && b[4 * p + 2] >= w && b[4 * p + 1] <= t && b[4 * p + 3] >= s) {
          found.push(p);
        }
      }
    });
    return found;
  };

  /* ---- the layer ------------------------------------------------------------------------ */

  var CanvasLayer = L.GridLayer.extend({
    options: { pane: PANE, updateWhenZooming: false, keepBuffer: 3 },

    initialize: function (geometry, options) {
      L.setOptions(this, options);
      this._starts = startsOf(varintsOf(geometry.counts));
      this._xy = project(varintsOf(geometry.deltas));
      this._grid = new Grid(boxesOf(this._xy, this._starts));
      this._classes = new Int8Array(this._starts.length - 1).fill(NO_DATA);
      this._sizes = new Uint8Array([12]);
      this._style = null;
    },

    onAdd: function (map) {
      if (!map.getPane(PANE)) map.createPane(PANE).classList.add("fp-pane");
      L.GridLayer.prototype.onAdd.call(this, map);
    },

    createTile: function (coords) {
      var canvas = L.DomUtil.create("canvas", "fp-tile");
      this._draw(canvas, coords);
      return canvas;
    },

    /* Recolours in place: the tiles stay, nothing is loaded. */
    setStyle: function (style) {
      var key = style.classes + "|" + style.sizes;
      if (key === this._style) return;
      this._style = key;
      this._classes = new Int8Array(bytesOf(style.classes).buffer);
      this._sizes = bytesOf(style.sizes);
      for (var name in this._tiles) {
        this._draw(this._tiles[name].el, this._wrapCoords(this._tiles[name].coords));
      }
    },

    setClasses: function (classes) {
      this.setStyle({ classes: classes, sizes: (this._style || "|DA==").split("|")[1] });
    },

    _draw: function (canvas, coords) {
      var size = this.getTileSize();
      var ratio = window.devicePixelRatio || 1;
      canvas.width = Math.ceil(size.x * ratio); // also clears it
      canvas.height = Math.ceil(size.y * ratio);
      var view = {
        ink: canvas.getContext("2d"), scale: size.x * Math.pow(2, coords.z),
        left: coords.x * size.x, top: coords.y * size.y
      };
      view.ink.scale(canvas.width / size.x, canvas.height / size.y);
      var buckets = this._buckets(this._visible(view, size));
      for (var i = 0; i < buckets.length; i++) this._drawBucket(view, buckets[i]);
    },

    /* The neighbour's symbols and strokes reach into this tile: look further than its edge. */
    _visible: function (view, size) {
      var widest = 0;
      for (var i = 0; i < this._sizes.length; i++) widest = Math.max(widest, this._sizes[i]);
      var pad = widest * SIZE_QUANTUM_PX + 2;
      return this._grid.find(
        (view.left - pad) / view.scale, (view.top - pad) / view.scale,
        (view.left + size.x + pad) / view.scale, (view.top + size.y + pad) / view.scale);
    },

    /* One bucket a class and size; the worst class last, hence on top. */
    _buckets: function (parts) {
      var buckets = new Map();
      for (var i = 0; i < parts.length; i++) {
        var p = parts[i];
        var size = this._sizes[this._sizes.length === 1 ? 0 : p];
        var key = (this._classes[p] + 1) * 256 + size;
        var bucket = buckets.get(key);
        if (!bucket) buckets.set(key, bucket = { key: key, parts: [] });
        bucket.parts.push(p);
      }
      return Array.from(buckets.values()).sort(function (a, b) { return a.key - b.key; });
    },

    _drawBucket: function (view, bucket) {
      var klass = Math.floor(bucket.key / 256) - 1;
      var look = {
        colour: klass === NO_DATA ? this.options.noData : this.options.palette[klass],
        sizePx: (bucket.key % 256) * SIZE_QUANTUM_PX, missing: klass === NO_DATA
      };
      if (this.options.shape === "line") this._strokeLines(view, bucket.parts, look);
      else this._fillPoints(view, bucket.parts, look);
    },

    _strokeLines: function (view, parts, look) {
      var ink = view.ink;
      var dashed = look.missing && parts.length <= MAX_DASHED_LINES;
      ink.strokeStyle = look.colour;
      ink.lineWidth = look.sizePx;
      ink.lineJoin = "round";
      ink.lineCap = dashed ? "butt" : "round";
      ink.setLineDash(dashed ? [6, 4] : []);
      for (var i = 0; i < parts.length; i += LINES_PER_STROKE) {
        ink.beginPath();
        var end = Math.min(parts.length, i + LINES_PER_STROKE);
        for (var j = i; j < end; j++) this._trace(view, parts[j]);
        ink.stroke();
      }
    },

    _trace: function (view, part) {
      var xy = this._xy, last = this._starts[part + 1] - 1;
      var px = 0, py = 0;
      for (var v = this._starts[part]; v <= last; v++) {
        var x = xy[2 * v] * view.scale - view.left;
        var y = xy[2 * v + 1] * view.scale - view.top;
        var first = v === this._starts[part];
        if (!first && v !== last && Math.abs(x - px) + Math.abs(y - py) < MIN_STEP_PX) continue;
        if (first) view.ink.moveTo(x, y); else view.ink.lineTo(x, y);
        px = x;
        py = y;
      }
    },

    _fillPoints: function (view, parts, look) {
      var ink = view.ink;
      ink.fillStyle = look.missing ? "#ffffff" : look.colour;
      ink.strokeStyle = look.missing ? look.colour : "#333333";
      ink.lineWidth = look.missing ? 2 : 0.8;
      ink.setLineDash(look.missing ? [2, 2] : []);
      for (var i = 0; i < parts.length; i++) {
        var v = this._starts[parts[i]];
        ink.beginPath();
        symbol(ink, this.options.shape, this._xy[2 * v] * view.scale - view.left,
          this._xy[2 * v + 1] * view.scale - view.top, look.sizePx);
        ink.fill();
        ink.stroke();
      }
    }
  });

  function symbol(ink, shape, x, y, r) {
    if (shape === "square") {
      ink.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
    } else if (shape === "triangle") {
      ink.moveTo(x, y - 1.1 * r);
      ink.lineTo(x + 1.1 * r, y + 0.9 * r);
      ink.lineTo(x - 1.1 * r, y + 0.9 * r);
      ink.closePath();
    } else {
      ink.arc(x, y, r, 0, 2 * Math.PI);
    }
  }

  /* ---- legend --------------------------------------------------------------------------- */

  function showLegends(blocks) {
    var html = blocks.join("");
    if (!current.legend && html) current.legend = addLegend(current.map);
    if (current.legend && current.legend.innerHTML !== html) current.legend.innerHTML = html;
    if (current.legend) current.legend.style.display = html ? "" : "none";
  }

  function addLegend(map) {
    var box = L.DomUtil.create("div", "fp-legend");
    var control = L.control({ position: "bottomright" });
    control.onAdd = function () { return box; };
    control.addTo(map);
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.disableScrollPropagation(box);
    return box;
  }

  /* ---- view: kept by the browser, so that moving the map costs no run of the script ------ */

  function recall(key) {
    try {
      return JSON.parse(window.sessionStorage.getItem(key));
    } catch (error) {
      return null; // storage may be forbidden, as in a file opened from a mail
    }
  }

  function remember(key, value) {
    try {
      window.sessionStorage.setItem(key, JSON.stringify(value));
    } catch (error) {
      return; // without storage a new mount starts at the whole network
    }
  }

  function firstView(map, options) {
    var kept = options.viewKey && recall(current.viewKey);
    if (kept) {
      map.setView([kept.lat, kept.lng], kept.zoom, { animate: false });
    } else if (options.bounds) {
      var b = options.bounds;
      map.fitBounds([[b[1], b[0]], [b[3], b[2]]], { maxZoom: 18, padding: [24, 24], animate: false });
    }
  }

  function keepView(map, options) {
    if (!options.viewKey) return;
    map.on("moveend", function () {
      if (!map.getSize().x) return;
      var c = map.getCenter();
      remember(current.viewKey, { lat: c.lat, lng: c.lng, zoom: map.getZoom() });
    });
  }

  /* A map in a closed tab has no size: fit it when it first gets one. */
  function followSize(map, options) {
    var sized = map.getSize().x > 0;
    new ResizeObserver(function () {
      map.invalidateSize({ animate: false });
      if (!sized && map.getSize().x > 0) {
        sized = true;
        firstView(map, options);
      }
    }).observe(map.getContainer());
  }

  function flyOnce(focus) {
    if (!focus) return;
    var key = "feederplan:focus:" + focus.owner;
    if (recall(key) === focus.id || current.focus === focus.id) return;
    current.focus = focus.id;
    remember(key, focus.id);
    var zoom = focus.zoom === null ? current.map.getZoom() : focus.zoom;
    current.map.setView([focus.lat, focus.lon], zoom);
  }

  /* The server picks by distance and needs to know how far a pixel reaches. */
  function addReach(map) {
    map.on("click", function (event) {
      var at = map.latLngToContainerPoint(event.latlng);
      var beside = map.containerPointToLatLng(at.add([100, 0]));
      event.latlng.metres_per_pixel = map.distance(event.latlng, beside) / 100;
    });
  }

  /* ---- drawing an area ------------------------------------------------------------------ */

  function areaTool(label) {
    var outline = { color: "#7b3294", weight: 3, fillOpacity: 0.2 };
    L.drawLocal.draw.toolbar.buttons.polygon = label;
    return new L.Control.Draw({
      position: "topleft",
      draw: {
        polygon: { allowIntersection: false, shapeOptions: outline },
        polyline: false, rectangle: false, circle: false, marker: false, circlemarker: false
      }
    });
  }

  /* One shape at a time. A corner that is set is no click on the map. */
  function drawOn(map, label) {
    var drawn = L.featureGroup().addTo(map), tool = areaTool(label);
    tool.addTo(map);
    map.on("draw:drawstart", function () {
      drawn.clearLayers();
      var mouse = tool._toolbars.draw._modes.polygon.handler._mouseMarker;
      mouse.on("click", function () { return; });
    });
    map.on("draw:created", function (event) { drawn.addLayer(event.layer); });
    return drawn;
  }

  /* ---- what the page calls -------------------------------------------------------------- */

  function applyState(state) {
    for (var slug in state.styles) if (layers[slug]) layers[slug].setStyle(state.styles[slug]);
    showLegends(state.legends);
  }

  window.feederplan = {
    layer: function (slug, geometry, options) {
      layers[slug] = new CanvasLayer(geometry, options);
      return layers[slug];
    },

    attach: function (map, options) {
      var area = (options.bounds || []).map(function (side) { return side.toFixed(4); });
      current = {
        map: map, legend: null, focus: null, drawn: null,
        viewKey: "feederplan:view:" + options.viewKey + ":" + area.join()
      };
      map.attributionControl.setPrefix("Leaflet");
      if (options.credit) map.attributionControl.addAttribution(options.credit);
      L.control.scale({ imperial: false }).addTo(map);
      addReach(map);
      firstView(map, options);
      keepView(map, options);
      followSize(map, options);
      var state = document.getElementById("feederplan-state");
      if (state) applyState(JSON.parse(state.textContent));
    },

    drawing: function (map, label) {
      current.drawn = drawOn(map, label);
      return current.drawn;
    },

    update: function (state) {
      if (!current) return;
      // The page shows the site by itself from here on, also one that was not drawn.
      if (current.drawn) current.drawn.clearLayers();
      // st_folium keeps every feature group it ever added: forget those it has just removed.
      if (window.feature_group) window.feature_group.length = 0;
      applyState(state);
      flyOnce(state.focus);
    }
  };
})();
