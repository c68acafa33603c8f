/** Types of the concrete syntax tree, generated from the grammar; `UPDATE=1 npm run unit grammar` writes it anew. */
import type { CstNode, IToken } from "chevrotain";

export interface FileCstNode extends CstNode {
  name: "file";
  children: FileCstChildren;
}

export type FileCstChildren = {
  Separator?: IToken[];
  fileLine?: FileLineCstNode[];
};

export interface FileLineCstNode extends CstNode {
  name: "fileLine";
  children: FileLineCstChildren;
}

export type FileLineCstChildren = {
  item?: ItemCstNode[];
};

export interface ItemCstNode extends CstNode {
  name: "item";
  children: ItemCstChildren;
}

export type ItemCstChildren = {
  use?: UseCstNode[];
  constant?: ConstantCstNode[];
  labels?: LabelsCstNode[];
  block?: BlockCstNode[];
  model?: ModelCstNode[];
  variant?: VariantCstNode[];
};

export interface UseCstNode extends CstNode {
  name: "use";
  children: UseCstChildren;
}

export type UseCstChildren = {
  Use: IToken[];
  Text: IToken[];
};

export interface ConstantCstNode extends CstNode {
  name: "constant";
  children: ConstantCstChildren;
}

export type ConstantCstChildren = {
  Const: IToken[];
  Name: IToken[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
};

export interface LabelsCstNode extends CstNode {
  name: "labels";
  children: LabelsCstChildren;
}

export type LabelsCstChildren = {
  Labels: IToken[];
  Name: IToken[];
  Equals: IToken[];
  LSquare: IToken[];
  Text: (IToken)[];
  Comma?: IToken[];
  RSquare: IToken[];
};

export interface BlockCstNode extends CstNode {
  name: "block";
  children: BlockCstChildren;
}

export type BlockCstChildren = {
  Block: IToken[];
  Name: IToken[];
  header?: HeaderCstNode[];
  body: BodyCstNode[];
};

export interface HeaderCstNode extends CstNode {
  name: "header";
  children: HeaderCstChildren;
}

export type HeaderCstChildren = {
  LParen: (IToken)[];
  staticParam?: (StaticParamCstNode)[];
  Comma?: (IToken)[];
  RParen: (IToken)[];
  tensorParam?: (TensorParamCstNode)[];
  Arrow: IToken[];
  results: ResultsCstNode[];
};

export interface StaticParamCstNode extends CstNode {
  name: "staticParam";
  children: StaticParamCstChildren;
}

export type StaticParamCstChildren = {
  Name: IToken[];
  Colon: IToken[];
  StaticType: IToken[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface TensorParamCstNode extends CstNode {
  name: "tensorParam";
  children: TensorParamCstChildren;
}

export type TensorParamCstChildren = {
  Name: IToken[];
  Colon: IToken[];
  type: TypeCstNode[];
};

export interface ResultsCstNode extends CstNode {
  name: "results";
  children: ResultsCstChildren;
}

export type ResultsCstChildren = {
  LParen?: IToken[];
  type?: (TypeCstNode)[];
  Comma?: IToken[];
  RParen?: IToken[];
};

export interface TypeCstNode extends CstNode {
  name: "type";
  children: TypeCstChildren;
}

export type TypeCstChildren = {
  LSquare: IToken[];
  expressions?: ExpressionsCstNode[];
  RSquare: IToken[];
  Of?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface ModelCstNode extends CstNode {
  name: "model";
  children: ModelCstChildren;
}

export type ModelCstChildren = {
  Model: IToken[];
  Name: IToken[];
  body: BodyCstNode[];
};

export interface VariantCstNode extends CstNode {
  name: "variant";
  children: VariantCstChildren;
}

export type VariantCstChildren = {
  Variant: IToken[];
  Text: IToken[];
  Of: IToken[];
  Name: IToken[];
  LCurly: IToken[];
  Separator?: IToken[];
  editLine?: EditLineCstNode[];
  RCurly: IToken[];
};

export interface EditLineCstNode extends CstNode {
  name: "editLine";
  children: EditLineCstChildren;
}

export type EditLineCstChildren = {
  edit?: EditCstNode[];
};

export interface EditCstNode extends CstNode {
  name: "edit";
  children: EditCstChildren;
}

export type EditCstChildren = {
  labels?: LabelsCstNode[];
  New?: IToken[];
  statement?: StatementCstNode[];
  drop?: DropCstNode[];
  setting?: SettingCstNode[];
};

export interface DropCstNode extends CstNode {
  name: "drop";
  children: DropCstChildren;
}

export type DropCstChildren = {
  Drop: IToken[];
  Droppable: IToken[];
  Name: IToken[];
};

export interface SettingCstNode extends CstNode {
  name: "setting";
  children: SettingCstChildren;
}

export type SettingCstChildren = {
  LParen?: IToken[];
  path?: (PathCstNode)[];
  Comma?: IToken[];
  RParen?: IToken[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
};

export interface PathCstNode extends CstNode {
  name: "path";
  children: PathCstChildren;
}

export type PathCstChildren = {
  Name: (IToken)[];
  Dot?: IToken[];
};

export interface BodyCstNode extends CstNode {
  name: "body";
  children: BodyCstChildren;
}

export type BodyCstChildren = {
  LCurly: IToken[];
  Separator?: IToken[];
  bodyLine?: BodyLineCstNode[];
  RCurly: IToken[];
};

export interface BodyLineCstNode extends CstNode {
  name: "bodyLine";
  children: BodyLineCstChildren;
}

export type BodyLineCstChildren = {
  statement?: StatementCstNode[];
};

export interface StatementCstNode extends CstNode {
  name: "statement";
  children: StatementCstChildren;
}

export type StatementCstChildren = {
  seq?: SeqCstNode[];
  labels?: LabelsCstNode[];
  typed?: TypedCstNode[];
  hyper?: HyperCstNode[];
  initialised?: InitialisedCstNode[];
  named?: NamedCstNode[];
  require?: RequireCstNode[];
  loss?: LossCstNode[];
  result?: ResultCstNode[];
  scan?: ScanCstNode[];
  binding?: BindingCstNode[];
};

export interface SeqCstNode extends CstNode {
  name: "seq";
  children: SeqCstChildren;
}

export type SeqCstChildren = {
  Seq: IToken[];
  seqName: (SeqNameCstNode)[];
  Comma?: IToken[];
};

export interface SeqNameCstNode extends CstNode {
  name: "seqName";
  children: SeqNameCstChildren;
}

export type SeqNameCstChildren = {
  Name: IToken[];
  bounds?: BoundsCstNode[];
};

export interface BoundsCstNode extends CstNode {
  name: "bounds";
  children: BoundsCstChildren;
}

export type BoundsCstChildren = {
  In: IToken[];
  expression: (ExpressionCstNode)[];
  DotDot: IToken[];
};

export interface TypedCstNode extends CstNode {
  name: "typed";
  children: TypedCstChildren;
}

export type TypedCstChildren = {
  Typed: IToken[];
  Name: IToken[];
  Colon: IToken[];
  type: TypeCstNode[];
};

export interface HyperCstNode extends CstNode {
  name: "hyper";
  children: HyperCstChildren;
}

export type HyperCstChildren = {
  Hyper: IToken[];
  Name: IToken[];
  Colon: IToken[];
  StaticType: IToken[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
  bounds?: BoundsCstNode[];
  Grid?: IToken[];
  expressions?: ExpressionsCstNode[];
};

export interface InitialisedCstNode extends CstNode {
  name: "initialised";
  children: InitialisedCstChildren;
}

export type InitialisedCstChildren = {
  Initialised: IToken[];
  Name: IToken[];
  Colon: IToken[];
  type: TypeCstNode[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
};

export interface NamedCstNode extends CstNode {
  name: "named";
  children: NamedCstChildren;
}

export type NamedCstChildren = {
  Named: IToken[];
  Name: IToken[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
};

export interface RequireCstNode extends CstNode {
  name: "require";
  children: RequireCstChildren;
}

export type RequireCstChildren = {
  Require: IToken[];
  expression: ExpressionCstNode[];
  Comma?: IToken[];
  Text?: IToken[];
};

export interface LossCstNode extends CstNode {
  name: "loss";
  children: LossCstChildren;
}

export type LossCstChildren = {
  Loss: IToken[];
  Name: IToken[];
  Weight?: IToken[];
  expression: (ExpressionCstNode)[];
  Equals: IToken[];
};

export interface ResultCstNode extends CstNode {
  name: "result";
  children: ResultCstChildren;
}

export type ResultCstChildren = {
  Return: IToken[];
  expression: ExpressionCstNode[];
};

export interface ScanCstNode extends CstNode {
  name: "scan";
  children: ScanCstChildren;
}

export type ScanCstChildren = {
  Scan: IToken[];
  scanHeader?: ScanHeaderCstNode[];
  body: BodyCstNode[];
};

export interface ScanHeaderCstNode extends CstNode {
  name: "scanHeader";
  children: ScanHeaderCstChildren;
}

export type ScanHeaderCstChildren = {
  Name: IToken[];
  Colon: IToken[];
  expression: ExpressionCstNode[];
};

export interface BindingCstNode extends CstNode {
  name: "binding";
  children: BindingCstChildren;
}

export type BindingCstChildren = {
  names?: NamesCstNode[];
  Name?: IToken[];
  LSquare?: IToken[];
  indices?: IndicesCstNode[];
  RSquare?: IToken[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
};

export interface NamesCstNode extends CstNode {
  name: "names";
  children: NamesCstChildren;
}

export type NamesCstChildren = {
  LParen: IToken[];
  Name: (IToken)[];
  Comma?: IToken[];
  RParen: IToken[];
};

export interface IndicesCstNode extends CstNode {
  name: "indices";
  children: IndicesCstChildren;
}

export type IndicesCstChildren = {
  index: (IndexCstNode)[];
  Comma?: IToken[];
};

export interface IndexCstNode extends CstNode {
  name: "index";
  children: IndexCstChildren;
}

export type IndexCstChildren = {
  Name: IToken[];
  Colon?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface ExpressionsCstNode extends CstNode {
  name: "expressions";
  children: ExpressionsCstChildren;
}

export type ExpressionsCstChildren = {
  expression: (ExpressionCstNode)[];
  Comma?: IToken[];
};

export interface ExpressionCstNode extends CstNode {
  name: "expression";
  children: ExpressionCstChildren;
}

export type ExpressionCstChildren = {
  term: (TermCstNode)[];
  BinaryOp?: IToken[];
};

export interface TermCstNode extends CstNode {
  name: "term";
  children: TermCstChildren;
}

export type TermCstChildren = {
  PrefixOp?: IToken[];
  NumberLiteral?: IToken[];
  Text?: IToken[];
  Truth?: IToken[];
  Name?: IToken[];
  reduction?: ReductionCstNode[];
  brackets?: BracketsCstNode[];
  stack?: StackCstNode[];
  conditional?: ConditionalCstNode[];
  repetition?: RepetitionCstNode[];
  suffix?: SuffixCstNode[];
};

export interface BracketsCstNode extends CstNode {
  name: "brackets";
  children: BracketsCstChildren;
}

export type BracketsCstChildren = {
  LParen: IToken[];
  expressions: ExpressionsCstNode[];
  RParen: IToken[];
};

export interface StackCstNode extends CstNode {
  name: "stack";
  children: StackCstChildren;
}

export type StackCstChildren = {
  LSquare: IToken[];
  expressions: ExpressionsCstNode[];
  RSquare: IToken[];
};

export interface SuffixCstNode extends CstNode {
  name: "suffix";
  children: SuffixCstChildren;
}

export type SuffixCstChildren = {
  LParen?: IToken[];
  argument?: (ArgumentCstNode)[];
  Comma?: IToken[];
  RParen?: IToken[];
  LSquare?: IToken[];
  expressions?: ExpressionsCstNode[];
  RSquare?: IToken[];
};

export interface ArgumentCstNode extends CstNode {
  name: "argument";
  children: ArgumentCstChildren;
}

export type ArgumentCstChildren = {
  Name?: IToken[];
  Equals?: IToken[];
  expression: ExpressionCstNode[];
};

export interface ReductionCstNode extends CstNode {
  name: "reduction";
  children: ReductionCstChildren;
}

export type ReductionCstChildren = {
  Binder: IToken[];
  LSquare?: IToken[];
  indices?: IndicesCstNode[];
  If?: IToken[];
  condition?: ExpressionCstNode[];
  RSquare?: IToken[];
  LParen?: IToken[];
  expression?: ExpressionCstNode[];
  RParen?: IToken[];
};

export interface ConditionalCstNode extends CstNode {
  name: "conditional";
  children: ConditionalCstChildren;
}

export type ConditionalCstChildren = {
  If: IToken[];
  expression: (ExpressionCstNode)[];
  Then: IToken[];
  Else: IToken[];
};

export interface RepetitionCstNode extends CstNode {
  name: "repetition";
  children: RepetitionCstChildren;
}

export type RepetitionCstChildren = {
  Repeat: IToken[];
  expression: (ExpressionCstNode)[];
  As?: IToken[];
  round?: IToken[];
  From: IToken[];
  names?: NamesCstNode[];
  Name?: IToken[];
  Equals: IToken[];
  body: BodyCstNode[];
};
