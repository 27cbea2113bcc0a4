// Package report reads what measurements have written, compares two of them, and shows
// them as Markdown and as one HTML page.
//
// The page stands alone: its plots are inline SVG, its style is inline, it asks for
// nothing and runs no script; it follows the reader's choice of light or dark. A plot is
// never the only place of a figure: tables below have them all.
package report
