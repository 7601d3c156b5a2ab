// What the generated JSON must be: Grafana's own types, with string enums read as the strings that stand in JSON.
import type * as grafana from '@grafana/schema';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
// Grafana 11's XY chart; "2" is what the schema package calls it.
import type * as xychart from '@grafana/schema/dist/esm/raw/composable/xychart2/panelcfg/x/XYChartPanelCfg_types.gen';

type Plain<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends Array<infer U> ? Array<Plain<U>>
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;

// The data source's query; its type is not in the schema package.
interface PromQuery {
  refId: string;
  expr: string;
  legendFormat: string;
  format: 'time_series' | 'table' | 'heatmap';
  editorMode: 'code';
  instant: boolean;
  range: boolean;
  datasource: Plain<grafana.DataSourceRef>;
}

type Defaults = Plain<Omit<grafana.FieldConfig, 'custom'>>;

type PanelOf<Type extends string, Options, Custom> =
  Plain<Omit<grafana.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'>> & {
    type: Type;
    targets: PromQuery[];
    options: Plain<Options>;
    fieldConfig: {
      defaults: Defaults & { custom?: Plain<Custom> };
      overrides: Plain<grafana.FieldConfigSource['overrides']>;
    };
  };

type Row = Plain<Omit<grafana.RowPanel, 'panels' | 'type'>> & { type: 'row'; panels: never[] };

type AnyPanel =
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'stat', stat.Options, never>
  | PanelOf<'bargauge', bargauge.Options, never>
  | PanelOf<'table', table.Options, table.FieldConfig>
  | PanelOf<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | PanelOf<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  // The opacity of points came after the version of the schema package.
  | PanelOf<'xychart', xychart.Options, xychart.FieldConfig & { fillOpacity?: number }>
  | Row;

// The Prometheus data source's annotation fields stand beside Grafana's.
type Annotation = Plain<grafana.AnnotationQuery> & { expr: string; titleFormat: string; tagKeys: string; step: string };

export type Dashboard = Plain<Omit<grafana.Dashboard, 'panels' | 'annotations'>> & {
  uid: string;
  panels: AnyPanel[];
  annotations: { list: Annotation[] };
};
