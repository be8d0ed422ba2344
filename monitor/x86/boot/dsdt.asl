// SPDX-License-Identifier: Apache-2.0
// The DSDT of a VM without devices of the machine: how to switch off, and an empty PCI bus.
DefinitionBlock ("dsdt.aml", "DSDT", 2, "MULLIO", "MULLION ", 1)
{
    // ACPI 6.4, 7.4.2: the sleep type that the guest writes to the sleep control register.
    // GUEST_S5_TYPE in acpi.h.
    Name (\_S5, Package () { 5, 0, 0, 0 })

    Scope (\_SB)
    {
        // PCI, reached through configuration mechanism 1; devices interrupt by MSI only: no _PRT.
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_BBN, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0, 0, 0, 0, 1)
                IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0x0000, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0, 0xC0000000, 0xC0FFFFFF, 0, 0x01000000)
            })
        }
    }
}
