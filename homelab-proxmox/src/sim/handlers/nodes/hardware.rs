//! The devices of a node.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::handlers::named;
use crate::sim::world::UsbDevice;
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /nodes/{node}/hardware" => Ok(named("type", &["pci", "usb"])),
        "GET /nodes/{node}/hardware/pci" => pci(call),
        "GET /nodes/{node}/hardware/pci/{pci-id-or-mapping}" => device(call),
        "GET /nodes/{node}/hardware/pci/{pci-id-or-mapping}/mdev" => Ok(json!([]).into()),
        "GET /nodes/{node}/hardware/usb" => usb(call),
        _ => return None,
    })
}

fn pci(call: &mut Call<'_>) -> Answer {
    let node = call.world.node(&call.node())?;
    let rows: Vec<Value> = node
        .pci
        .iter()
        .map(|device| {
            let (vendor, model) = device.id.split_once(':').unwrap_or(("0000", "0000"));
            let mut row = json!({
                "id": device.path, "class": device.class, "vendor": format!("0x{vendor}"), "device": format!("0x{model}"),
                "vendor_name": device.name, "device_name": device.name, "iommugroup": device.iommu_group,
            });
            if let Some((vendor, model)) = device.subsystem.as_deref().and_then(|id| id.split_once(':')) {
                row["subsystem_vendor"] = json!(format!("0x{vendor}"));
                row["subsystem_device"] = json!(format!("0x{model}"));
                row["subsystem_vendor_name"] = json!(device.name);
            }
            row
        })
        .collect();
    Ok(json!(rows).into())
}

fn usb(call: &mut Call<'_>) -> Answer {
    let node = call.world.node(&call.node())?;
    let row = |(number, device): (usize, &UsbDevice)| {
        let (vendor, product) = device.id.split_once(':').unwrap_or(("0000", "0000"));
        let (bus, path) = device.port.split_once('-').unwrap_or(("1", &device.port));
        let mut row = json!({
            "busnum": bus.parse::<u32>().unwrap_or(1), "devnum": number + 2, "usbpath": path, "class": 0, "level": 1,
            "port": 1, "vendid": format!("0x{vendor}"), "prodid": format!("0x{product}"), "product": device.name, "speed": "480",
        });
        if let Some(serial) = &device.serial {
            row["serial"] = json!(serial);
        }
        row
    };
    Ok(json!(node.usb.iter().enumerate().map(row).collect::<Vec<Value>>()).into())
}

fn device(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("pci-id-or-mapping");
    let node = call.world.node(&call.node())?;
    if !node.pci.iter().any(|device| device.path == id)
        && !call.world.mappings.get("pci").is_some_and(|m| m.contains_key(id))
    {
        return Err(Fail::die(format!("PCI device '{id}' not found")));
    }
    Ok(named("method", &["mdev"]))
}
