public import Experiment
import Foundation
import Measures
import Scenario
import Statistics

/// A picture of responses over a swept setting: a panel for each, the model as line and band, real servers as points.
///
/// It brings its own background and follows the reader's colour scheme, so it can be read on light and dark pages.
public struct SweepPicture: Sendable {
    private struct Panel {
        var title: String
        var sweep: ValidationSweep
    }

    private static let width = 860.0
    private static let panelHeight = 270.0
    private static let top = 46.0
    private static let plot = (left: 70.0, right: 840.0, top: 34.0, bottom: 222.0)

    private let panels: [Panel]

    /// `nil` if nothing was swept.
    public init?(_ result: ValidationResult) {
        panels = result.cases.flatMap { item in
            item.sweeps.filter { !$0.points.isEmpty }.map { sweep in
                let name = sweep.row.response
                return Panel(title: sweep.row.title.map { "\($0): \(name)" } ?? name, sweep: sweep)
            }
        }
        if panels.isEmpty { return nil }
    }

    /// The picture as SVG, with a line break at the end.
    public var text: String {
        let height = Self.top + Self.panelHeight * Double(panels.count)
        let size = "\(number(Self.width)) \(number(height))"
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" role=\"img\""
                + " font-family=\"system-ui, sans-serif\" font-size=\"13\">",
            "<title>The model and real servers over a swept setting</title>", Self.style,
            "<rect class=\"back\" width=\"100%\" height=\"100%\"/>",
        ]
        lines += legend
        for (index, panel) in panels.enumerated() {
            lines.append("<g transform=\"translate(0 \(number(Self.top + Self.panelHeight * Double(index))))\">")
            lines += draw(panel)
            lines.append("</g>")
        }
        return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private static let style = """
        <style>
        .back { fill: #ffffff } text { fill: #1f2328 } .faint { fill: #59636e }
        .grid { stroke: #d1d9e0 } .axis { stroke: #59636e }
        .band { fill: #54aeff; fill-opacity: 0.35 } .line { stroke: #0550ae; stroke-width: 1.6; fill: none }
        .real { fill: #bc4c00; stroke: #bc4c00 } .outside { fill: none; stroke: #bc4c00; stroke-width: 1.8 }
        @media (prefers-color-scheme: dark) {
        .back { fill: #0d1117 } text { fill: #f0f6fc } .faint { fill: #9198a1 }
        .grid { stroke: #3d444d } .axis { stroke: #9198a1 }
        .band { fill: #1f6feb; fill-opacity: 0.45 } .line { stroke: #79c0ff }
        .real { fill: #ffa657; stroke: #ffa657 } .outside { stroke: #ffa657 }
        }
        </style>
        """

    private var legend: [String] {
        var lines = [
            "<rect class=\"band\" x=\"70\" y=\"14\" width=\"26\" height=\"14\"/>",
            "<path class=\"line\" d=\"M70 21H96\"/>", text("model: median and range", 104, 26),
            "<circle class=\"real\" cx=\"300\" cy=\"21\" r=\"4\"/>", text("real servers, inside", 312, 26),
            "<circle class=\"outside\" cx=\"468\" cy=\"21\" r=\"4\"/>", text("outside", 480, 26),
        ]
        if panels.contains(where: { hasNever($0.sweep) }) {
            lines += ["<path class=\"real\" d=\"M572 17l5 9h-10z\"/>", text("never before the end", 584, 26)]
        }
        return lines
    }

    private func hasNever(_ sweep: ValidationSweep) -> Bool {
        sweep.points.contains { point in point.live.contains { $0.map(\.isFinite) != true } }
    }

    private func draw(_ panel: Panel) -> [String] {
        let points = panel.sweep.points.sorted { $0.value < $1.value }
        let times = points.map { Double($0.value) / 1e9 }
        let heights = points.flatMap { [$0.simulated.most] + $0.live }.compactMap { $0 }.filter(\.isFinite)
        let across = Scale(times.min() ?? 0, times.max() ?? 1, onto: Self.plot.left, Self.plot.right)
        let up = Scale(0, (heights.max() ?? 1) * 1.06, onto: Self.plot.bottom, Self.plot.top)
        var lines = [text(panel.title, Self.plot.left, 22, style: "font-weight=\"600\"")]
        for tick in up.ticks(about: 5) {
            let y = number(up[tick])
            lines.append("<path class=\"grid\" d=\"M\(number(Self.plot.left)) \(y)H\(number(Self.plot.right))\"/>")
            lines.append(text(up.label(tick), Self.plot.left - 8, up[tick] + 4.5, anchor: "end"))
        }
        for tick in across.ticks(about: 10) {
            lines.append("<path class=\"axis\" d=\"M\(number(across[tick])) \(number(Self.plot.bottom))v5\"/>")
            lines.append(text(across.label(tick), across[tick], Self.plot.bottom + 20, anchor: "middle"))
        }
        lines.append(
            "<path class=\"axis\" d=\"M\(number(Self.plot.left)) \(number(Self.plot.bottom))H"
                + "\(number(Self.plot.right))\"/>")
        let middle = (Self.plot.left + Self.plot.right) / 2
        lines.append(
            text(
                Self.settingName(panel.sweep.key), middle, Self.plot.bottom + 40, anchor: "middle",
                style: "class=\"faint\""))
        let half = (Self.plot.top + Self.plot.bottom) / 2
        lines.append(
            text(
                measureName(panel.sweep), 22, half, anchor: "middle",
                style: "class=\"faint\" transform=\"rotate(-90 22 \(number(half)))\""))
        return lines + model(points, across, up) + real(points, across, up)
    }

    /// `timeline.0.for` is what the reader of a picture knows as the length of a fault.
    private static func settingName(_ key: String) -> String {
        let isLength = key.hasPrefix("timeline.") && key.hasSuffix(".for")
        return (isLength ? "length of the fault" : key) + ", s"
    }

    /// `resumed, s`.
    private func measureName(_ sweep: ValidationSweep) -> String {
        let name = sweep.row.response.split(separator: ".").last.map(String.init) ?? sweep.row.response
        return "\(name), \(sweep.unit)"
    }

    /// Stretches of values at which it happened: where it never did, band and line have a gap.
    private func model(_ points: [SweepPoint], _ across: Scale, _ up: Scale) -> [String] {
        var stretches: [[(x: Double, least: Double, median: Double, most: Double)]] = [[]]
        for point in points {
            guard let least = point.simulated.least, let median = point.simulated.median,
                let most = point.simulated.most
            else {
                stretches.append([])
                continue
            }
            stretches[stretches.count - 1].append(
                (across[Double(point.value) / 1e9], up[least], up[median], up[most]))
        }
        return stretches.filter { !$0.isEmpty }.flatMap { stretch in
            func path(_ corners: [(x: Double, y: Double)]) -> String {
                corners.map { "\(number($0.x)) \(number($0.y))" }.joined(separator: "L")
            }
            let band = stretch.map { ($0.x, $0.most) } + stretch.reversed().map { ($0.x, $0.least) }
            return [
                "<path class=\"band\" d=\"M\(path(band))Z\"/>",
                "<path class=\"line\" d=\"M\(path(stretch.map { ($0.x, $0.median) }))\"/>",
            ]
        }
    }

    private func real(_ points: [SweepPoint], _ across: Scale, _ up: Scale) -> [String] {
        points.flatMap { point in
            zip(point.live, point.isInside).map { value, isInside in
                let x = number(across[Double(point.value) / 1e9])
                let kind = isInside ? "real" : "outside"
                guard let value, value.isFinite else {
                    return "<path class=\"\(kind)\" d=\"M\(x) \(number(Self.plot.top))l5 9h-10z\"/>"
                }
                return "<circle class=\"\(kind)\" cx=\"\(x)\" cy=\"\(number(up[value]))\" r=\"4\"/>"
            }
        }
    }

    private func text(
        _ words: String, _ x: Double, _ y: Double, anchor: String = "start", style: String = ""
    ) -> String {
        let plain = words.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        let place = "x=\"\(number(x))\" y=\"\(number(y))\""
        let side = anchor == "start" ? "" : " text-anchor=\"\(anchor)\""
        return "<text \(place)\(side)\(style.isEmpty ? "" : " " + style)>\(plain)</text>"
    }

    /// One decimal is a tenth of a pixel.
    private func number(_ value: Double) -> String {
        let text = String(format: "%.1f", value)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

/// A linear map of values to pixels, with round ticks.
private struct Scale {
    private let low: Double
    private let high: Double
    private let from: Double
    private let to: Double

    init(_ low: Double, _ high: Double, onto from: Double, _ to: Double) {
        self.low = low
        self.high = high > low ? high : low + 1
        self.from = from
        self.to = to
    }

    subscript(value: Double) -> Double { from + (value - low) / (high - low) * (to - from) }

    /// Multiples of 1, 2 or 5 times a power of ten.
    func ticks(about count: Int) -> [Double] {
        let step = step(about: count)
        return Array(stride(from: (low / step).rounded(.up) * step, through: high + step * 1e-9, by: step))
    }

    private func step(about count: Int) -> Double {
        let rough = (high - low) / Double(count)
        let power = pow(10, floor(log10(rough)))
        let factor = [1.0, 2, 5, 10].first { $0 * power >= rough } ?? 10
        return factor * power
    }

    func label(_ tick: Double) -> String {
        let step = step(about: 5)
        return Numbers.fixed(tick, step >= 1 || tick == 0 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3)
    }
}
