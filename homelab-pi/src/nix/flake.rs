//! The flake: from where, and what is built.
use super::expr::{Expr, bind};
use super::render;
use crate::{Board, Pi};

/// The text of `flake.nix`.
pub(super) fn text(pi: &Pi, modules: &[&str]) -> String {
    let mut inputs = vec![bind("nixpkgs.url", format!("github:NixOS/nixpkgs/nixos-{}", pi.system.release.number()))];
    if needs_hardware(pi.board) {
        inputs.push(bind("nixos-hardware.url", "github:NixOS/nixos-hardware"));
    }
    let about = format!("The system of {}, a {}", pi.name, pi.board);
    let arguments = match needs_hardware(pi.board) {
        true => "nixpkgs, nixos-hardware, ...",
        false => "nixpkgs, ...",
    };
    let hardware = if needs_hardware(pi.board) { "          nixos-hardware.nixosModules.raspberry-pi-5\n" } else { "" };
    let modules: String = modules.iter().map(|m| format!("          ./{m}\n")).collect();
    let name = render::name(pi.name);
    let mut head = String::new();
    for (name, value) in [bind("description", about), bind("inputs", Expr::Set(inputs))] {
        let text = render::value("", &value);
        let text = text.lines().skip(2).map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n");
        head.push_str(&format!("  {name} = {};\n\n", text.trim_start()));
    }
    format!(
        r#"# What is built for {name}: the system, and a card's image with it.
# Generated: change the lab's code, not this file.
{{
{head}  outputs =
    {{ {arguments} }}:
    let
      constants = import ./constants.nix;
      system = nixpkgs.lib.nixosSystem {{
        system = "aarch64-linux";
        specialArgs = {{
          inherit constants;
        }};
        modules = [
          "${{nixpkgs}}/nixos/modules/installer/sd-card/sd-image-aarch64.nix"
{hardware}{modules}        ];
      }};
    in
    {{
      nixosConfigurations.{name} = system;
      packages.aarch64-linux = {{
        toplevel = system.config.system.build.toplevel;
        sdImage = system.config.system.build.sdImage;
      }};
    }};
}}
"#,
        name = name,
    )
}

/// The model 5 needs the kernel of nixos-hardware.
pub(crate) fn needs_hardware(board: Board) -> bool {
    matches!(board, Board::Pi5(_))
}
